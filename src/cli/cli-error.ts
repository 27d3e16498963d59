/** What the user can do something about: printed as one sentence, without a stack. */
export class CliError extends Error {
  readonly code: 'AlreadyThere' | 'NotFound' | 'NotInstalled' | 'Refused' | 'WrongArgument';

  constructor(code: CliError['code'], message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
  }
}
