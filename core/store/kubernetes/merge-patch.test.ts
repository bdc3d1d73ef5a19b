import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergePatch } from './merge-patch.ts';

/** RFC 7386 section 2, as a server does it. */
function apply(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isObject ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, field);
    else result[field] = apply(result[field], value);
  }
  return result;
}

/** JSON without null, which a merge patch cannot say. */
const { fields } = fc.letrec<{ fields: Record<string, unknown>; value: unknown }>((tie) => ({
  fields: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer({ min: 0, max: 2 }),
    fc.constantFrom('x', 'y'),
    fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 2 }),
    tie('fields'),
  ),
}));

describe('mergePatch', () => {
  it.each([
    { name: 'a new field', from: { a: 1 }, to: { a: 1, b: 2 }, patch: { b: 2 } },
    { name: 'a field that is gone', from: { a: 1, b: { c: 1 } }, to: { a: 1 }, patch: { b: null } },
    { name: 'a list', from: { a: [1, 2] }, to: { a: [1] }, patch: { a: [1] } },
    {
      name: 'something deep',
      from: { a: { b: 1, c: 1 } },
      to: { a: { b: 2, c: 1 } },
      patch: { a: { b: 2 } },
    },
    { name: 'nothing', from: { a: [{ b: 1 }] }, to: { a: [{ b: 1 }] }, patch: undefined },
    {
      name: 'nothing where a field is undefined',
      from: { a: 1 },
      to: { a: 1, b: undefined },
      patch: undefined,
    },
  ])('says $name', ({ from, to, patch }) => {
    expect(mergePatch(from, to)).toEqual(patch);
  });

  it('makes the one value of the other, and nothing where they are equal', () => {
    fc.assert(
      fc.property(fields, fields, (from, to) => {
        const patch = mergePatch(from, to);
        expect(patch === undefined ? from : apply(from, patch)).toEqual(to);
        expect(mergePatch(to, structuredClone(to))).toBeUndefined();
      }),
    );
  });
});
