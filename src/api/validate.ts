/**
 * Checks objects against the schemas in `crds/` without an API server: for the CLI, files and simulated APIs. The CEL
 * rules are the API server's alone; what passes here may still be refused there.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { KubeObject, Resource } from '../kube/api.ts';
import { readCrdSchema, toJsonSchema } from './crd-schema.ts';
import type { NamedMeta } from './metadata.ts';

export interface FieldError {
  /** As the API server writes it: `spec.streams[0].number`. Empty for the object itself. */
  readonly field: string;
  /** What is allowed. */
  readonly message: string;
}

export type Validation = { readonly ok: true } | { readonly ok: false; readonly errors: readonly FieldError[] };

/** An object as a person writes it: what has a default may be absent. */
export type Manifest<T extends KubeObject> = Partial<Pick<T, 'apiVersion' | 'kind'>> & {
  readonly metadata: NamedMeta;
  readonly spec: T extends { readonly spec: infer S } ? Sparse<S> : never;
  readonly status?: T extends { readonly status?: infer S } ? Sparse<S> : never;
};

export type Sparse<T> = T extends readonly (infer E)[]
  ? readonly Sparse<E>[]
  : T extends object
    ? { readonly [K in keyof T]?: Sparse<T[K]> }
    : T;

/** @property code always `InvalidManifest` */
export class InvalidManifestError extends Error {
  readonly code = 'InvalidManifest';
  readonly errors: readonly FieldError[];

  constructor(kind: string, name: string, errors: readonly FieldError[]) {
    const said = errors.map(({ field, message }) => `${field === '' ? 'the object' : field} ${message}`);
    super(`${kind} ${name} is not valid: ${said.join('; ')}`);
    this.errors = errors;
  }
}

const makeAjv = (useDefaults: boolean): Ajv =>
  new Ajv({
    strict: true,
    allErrors: true,
    useDefaults,
    formats: {
      int32: { type: 'number', validate: (value: number) => Math.abs(value) <= 2 ** 31 },
      int64: { type: 'number', validate: Number.isSafeInteger },
      'date-time': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/,
    },
  });

const compileOnce = (ajv: Ajv): ((resource: Resource) => ValidateFunction) => {
  const compiled = new Map<string, ValidateFunction>();
  return (resource) => {
    const known = compiled.get(resource.plural);
    if (known !== undefined) return known;
    const validator = ajv.compile(toJsonSchema(readCrdSchema(resource)));
    compiled.set(resource.plural, validator);
    return validator;
  };
};

const checkerFor = compileOnce(makeAjv(false));
const defaulterFor = compileOnce(makeAjv(true));

/** Whether the object has the shape of its kind. Pure but for the first reading of each schema. */
export const validate = <T extends KubeObject>(resource: Resource<T>, object: unknown): Validation => {
  const check = checkerFor(resource);
  return check(object) ? { ok: true } : { ok: false, errors: (check.errors ?? []).map(fieldError) };
};

/**
 * The object as the API server would store it: a copy with every default filled in.
 * @throws InvalidManifestError where it does not have the shape of its kind
 */
export const withDefaults = <T extends KubeObject>(resource: Resource<T>, manifest: Manifest<T>): T => {
  const { group, version, kind } = resource;
  const object: unknown = structuredClone({ apiVersion: `${group}/${version}`, kind, ...manifest });
  const fill = defaulterFor(resource) as ValidateFunction<T>;
  if (fill(object)) return object;
  throw new InvalidManifestError(kind, manifest.metadata.name, (fill.errors ?? []).map(fieldError));
};

const fieldError = (error: ErrorObject): FieldError => {
  const parent = error.instancePath.split('/').slice(1).reduce(appendStep, '');
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'required':
      return { field: appendStep(parent, String(params['missingProperty'])), message: 'is required' };
    case 'additionalProperties':
      return { field: appendStep(parent, String(params['additionalProperty'])), message: 'is not a known field' };
    case 'enum':
      return { field: parent, message: `must be one of ${(params['allowedValues'] as readonly unknown[]).join(', ')}` };
    default:
      return { field: parent, message: error.message ?? 'is not valid' };
  }
};

/** JSON pointer steps as field paths have them: names with dots, numbers in brackets. */
const appendStep = (path: string, step: string): string => {
  const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
  if (/^\d+$/.test(name)) return `${path}[${name}]`;
  return path === '' ? name : `${path}.${name}`;
};
