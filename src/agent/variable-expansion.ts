/**
 * `$(NAME)` in arguments and values becomes the variable's value; `$$` is a dollar sign; an unknown name stays as it is:
 * the rules of Kubernetes (`kubectl explain pod.spec.containers.args`).
 */
export const expandVariables = (text: string, known: Readonly<Record<string, string>>): string =>
  text.replace(/\$(\$|\(([^()]+)\))/g, (whole, escape: string, name: string | undefined) => {
    if (escape === '$') return '$';
    return (name === undefined ? undefined : known[name]) ?? whole;
  });
