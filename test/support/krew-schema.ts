/** What krew's `ValidatePlugin` demands of a manifest, as a JSON schema. @param name  of the file without its ending */
export const krewSchema = (name: string): object => ({
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  additionalProperties: false,
  properties: {
    apiVersion: { const: 'krew.googlecontainertools.github.com/v1alpha2' },
    kind: { const: 'Plugin' },
    metadata: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', const: name, pattern: '^[\\w-]+$' } },
    },
    spec: {
      type: 'object',
      required: ['version', 'shortDescription', 'platforms'],
      additionalProperties: false,
      properties: {
        version: { type: 'string', pattern: '^v\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?$' },
        homepage: { type: 'string', pattern: '^https://' },
        shortDescription: { type: 'string', minLength: 1, pattern: '^[^\\r\\n]+$' },
        description: { type: 'string' },
        caveats: { type: 'string' },
        platforms: { type: 'array', minItems: 1, items: platform },
      },
    },
  },
});

const platform = {
  type: 'object',
  required: ['selector', 'uri', 'sha256', 'bin'],
  additionalProperties: false,
  properties: {
    selector: {
      type: 'object',
      required: ['matchLabels'],
      additionalProperties: false,
      properties: {
        matchLabels: {
          type: 'object',
          minProperties: 1,
          additionalProperties: false,
          properties: { os: { type: 'string' }, arch: { type: 'string' } },
        },
      },
    },
    uri: { type: 'string', minLength: 1 },
    sha256: { type: 'string', pattern: '^[a-f0-9]{64}$' },
    bin: { type: 'string', minLength: 1 },
  },
};
