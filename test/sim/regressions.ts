/** Seeds that once broke something, with what it was. They stay green. */
export const regressions: readonly { readonly seed: number; readonly was: string }[] = [
  {
    seed: 4,
    was: 'a rolled back intent of a first set was taken for a replacement: one stream reserved instead of two',
  },
  { seed: 8, was: 'a lost stream left its tape to another stream of the same job: two copies on one tape' },
  {
    seed: 727,
    was: "a leader added its grant to another leader's intent and reserved both: units that nobody had claimed",
  },
  {
    seed: 1942,
    was: 'a grant bore the boot of before its pod: the node seemed to have been started again, and a living writer fenced',
  },
];
