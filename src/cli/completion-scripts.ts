/** What a shell evaluates to complete `kubectl-twinreel`; each asks the program itself, by `__complete`. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const bash = `# eval "$(kubectl-twinreel completion bash)"
_kubectl_twinreel() {
  local IFS=$'\\n' lines last line
  # COMP_WORDS splits at "=" and ":", which are no ends of words to the program.
  local typed="\${COMP_LINE:0:COMP_POINT}" words
  IFS=' ' read -r -a words <<< "$typed"
  [[ "$typed" == *' ' ]] && words+=('')
  lines=($(kubectl-twinreel __complete "\${words[@]:1}" 2>/dev/null)) || return
  last="\${lines[\${#lines[@]}-1]}"
  unset "lines[\${#lines[@]}-1]"
  local current="\${words[\${#words[@]}-1]}" cut=''
  [[ "$current" == *=* && "$COMP_WORDBREAKS" == *=* ]] && cut="\${current%"\${current##*=}"}"
  COMPREPLY=()
  for line in "\${lines[@]}"; do
    line="\${line%%$'\\t'*}"
    COMPREPLY+=("\${line#"$cut"}")
  done
  if [[ "$last" == ':0' ]]; then COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")); fi
}
complete -F _kubectl_twinreel kubectl-twinreel`;

const zsh = `#compdef kubectl-twinreel
# source <(kubectl-twinreel completion zsh)
_kubectl_twinreel() {
  local -a lines found
  local line last
  lines=("\${(@f)$(kubectl-twinreel __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  last="\${lines[-1]}"
  for line in "\${(@)lines[1,-2]}"; do
    line="\${line//:/\\\\:}"
    found+=("\${line/$'\\t'/:}")
  done
  (( \${#found} )) && _describe 'kubectl-twinreel' found
  [[ "$last" == ':0' ]] && _files
}
compdef _kubectl_twinreel kubectl-twinreel`;

const fish = `# kubectl-twinreel completion fish | source
function __kubectl_twinreel
  set -l words (commandline -opc) (commandline -ct)
  set -l lines (kubectl-twinreel __complete $words[2..-1] 2>/dev/null)
  set -l last $lines[-1]
  if test (count $lines) -gt 1
    string join \\n -- $lines[1..-2]
  end
  if test "$last" = ':0'
    __fish_complete_path (commandline -ct)
  end
end
complete -c kubectl-twinreel -f -a '(__kubectl_twinreel)'`;

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
