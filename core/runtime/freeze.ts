/** Objects that several readers share: frozen all the way down, so that none changes what another one sees. */

/** Freezes `value` and all it holds. @returns `value` */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
