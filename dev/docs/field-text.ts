import type { Schema } from '../generate/schema.ts';

/** The type of a field that has no fields of its own. Pure. */
export const describeType = (schema: Schema): string => {
  if (schema['x-kubernetes-int-or-string'] === true) return 'quantity';
  const values = schema['enum'];
  if (Array.isArray(values)) return values.map((value) => `\`${String(value)}\``).join(' | ');
  const format = schema['format'];
  if (format === 'date-time') return 'time';
  return schema.type ?? 'any';
};

/** What the schema bounds, in words; not the lengths of strings, which only keep objects small. Pure. */
export const describeBounds = (schema: Schema): string => {
  const number = (keyword: string): number | undefined => {
    const value = schema[keyword];
    return typeof value === 'number' ? value : undefined;
  };
  const [least, most] = [number('minimum'), number('maximum')];
  const [fewest, mostItems] = [number('minItems'), number('maxItems')];
  const pattern = schema['pattern'];
  const parts = [
    least !== undefined && most !== undefined ? `From ${least} to ${most}.` : '',
    least !== undefined && most === undefined ? `At least ${least}.` : '',
    least === undefined && most !== undefined ? `At most ${most}.` : '',
    fewest !== undefined ? `At least ${fewest} items.` : '',
    mostItems !== undefined ? `At most ${mostItems} items.` : '',
    typeof pattern === 'string' ? `Pattern: \`${pattern}\`.` : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
};
