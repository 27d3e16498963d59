#!/usr/bin/env bash
# Makes (up) or deletes (down) a kind cluster for people with Docker or Podman.
set -euo pipefail

kind_version=v0.33.0
cluster=twinreel
image=twinreel:dev
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)

fail() {
  echo "kind: $*" >&2
  exit 1
}

find_engine() {
  for engine in docker podman; do
    if "$engine" info >/dev/null 2>&1; then
      if [[ $engine == podman ]]; then export KIND_EXPERIMENTAL_PROVIDER=podman; fi
      return
    fi
  done
  fail 'neither "docker info" nor "podman info" works: install and start Docker or Podman.' \
    'Without them, "npm run local -- up --state DIR" runs a control plane as plain processes.'
}

find_kind() {
  kind=$(command -v kind || true)
  if [[ -n $kind ]]; then return; fi
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/twinreel/kind/$kind_version
  kind=$folder/kind
  if [[ -x $kind ]]; then return; fi
  command -v go >/dev/null || fail "there is no kind in PATH, and no go to build it: install one of them"
  echo "building kind $kind_version"
  mkdir -p "$folder"
  GOBIN=$folder go install "sigs.k8s.io/kind@$kind_version"
}

# The node image has a kubectl of the right version.
kubectl_inside() {
  "$engine" exec -i "$cluster-control-plane" kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"
}

# TWINREEL_BASE: where this machine has no Debian packages, a base image to build on.
load_image() {
  local archive
  archive=$(mktemp --suffix=.tar)
  (cd "$root" && npm run -s image -- --out "$archive" --tag "$image" ${TWINREEL_BASE:+--base "$TWINREEL_BASE"})
  "$kind" load image-archive "$archive" --name "$cluster"
  rm -f "$archive"
}

install() {
  for file in "$root"/crds/*.yaml "$root"/config/rbac/*.yaml "$here/operator.yaml"; do
    kubectl_inside apply --server-side -f - <"$file"
  done
  # The same tag may mean another image than before.
  kubectl_inside -n twinreel-system rollout restart deployment/twinreel-operator
  kubectl_inside -n twinreel-system rollout status deployment/twinreel-operator --timeout=180s
}

up() {
  find_engine
  find_kind
  if "$kind" get clusters 2>/dev/null | grep -qx "$cluster"; then
    echo "the cluster $cluster is already there"
  else
    "$kind" create cluster --config "$here/cluster.yaml" --wait 120s
  fi
  load_image
  install
  echo "ready: kubectl --context kind-$cluster get nodes"
}

down() {
  find_engine
  find_kind
  "$kind" delete cluster --name "$cluster"
}

case ${1:-} in
  up) up ;;
  down) down ;;
  *) fail "usage: kind.sh up|down" ;;
esac
