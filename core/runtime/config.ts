/** Configuration: environment variables in, one frozen and fully typed object out, or a `CONFIG_INVALID`. */
import { closestMatch } from 'leven';
import { z } from 'zod';
import { GleipnirError } from './errors.ts';
import { listSettings } from './settings.ts';

/** A whole number within bounds, and what a person is told who gave something else. */
export function wholeNumber(min: number, max: number): z.ZodCoercedNumber {
  const expected = `a whole number from ${min} to ${max}`;
  return z.coerce.number(expected).int(expected).min(min, expected).max(max, expected);
}

/** A UDP or TCP port that something listens on; 0 lets the system choose one. */
export const Port = wholeNumber(0, 65_535);

/** A whole number of milliseconds, for a variable whose name ends in `_MS`: at most 24 days, as far as timers go. */
export const DurationMs = wholeNumber(1, 2 ** 31 - 1);

/** An IPv4 or IPv6 address. */
export const IpAddress = z.union([z.ipv4(), z.ipv6()], 'an IP address');

/** Longest value that is repeated to a person. */
const SHOWN_MAX = 60;
/** Letters that may differ for a name to be taken for a misspelt one of ours. */
const TYPO_DISTANCE_MAX = 2;
/** What Kubernetes and Docker set for a service called like our prefix: `RELAY_SERVICE_HOST`, `RELAY_PORT_1_UDP`. */
const SERVICE_VARIABLE = /^[A-Z]+_(SERVICE_(HOST|PORT)\w*|PORT(_\d+_(TCP|UDP)\w*)?)$/;

/**
 * Reads a component's configuration, once, at start. A variable that is set to nothing counts as not set.
 *
 * @param env the process environment, passed in so that tests need not touch the real one.
 * @param prefixes how the names of this component's variables begin, such as `APPLIANCE_`: any other name with such a
 *   beginning is a mistake, and so is a name within two letters of one of ours.
 * @throws GleipnirError `CONFIG_INVALID` naming every offending variable, not only the first.
 */
export function loadConfig<S extends z.ZodType>(
  schema: S,
  env: NodeJS.ProcessEnv,
  prefixes: readonly string[] = [],
): Readonly<z.output<S>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  const problems = [
    ...unknownNames(schema, given, prefixes),
    ...(parsed.error?.issues ?? []).map((issue) => describeIssue(issue, given)),
  ];
  if (!parsed.success || problems.length > 0) {
    throw new GleipnirError('CONFIG_INVALID', 'A setting is wrong', { problems: problems.join('\n') });
  }
  return Object.freeze(parsed.data);
}

function unknownNames(schema: z.ZodType, given: NodeJS.ProcessEnv, prefixes: readonly string[]): string[] {
  if (prefixes.length === 0) return [];
  const known = listSettings(schema).map(({ name }) => name);
  return Object.keys(given).flatMap((name) => {
    if (known.includes(name) || SERVICE_VARIABLE.test(name)) return [];
    const isOurs = prefixes.some((prefix) => name.startsWith(prefix));
    const near = known.filter((other) => wordsOf(other) === wordsOf(name));
    const likely =
      closestMatch(name, near, { maxDistance: TYPO_DISTANCE_MAX }) ??
      (isOurs ? closestMatch(name, known, { maxDistance: name.length / 3 }) : undefined);
    if (likely !== undefined) return `${name} is no setting: did you mean ${likely}?`;
    return isOurs ? `${name} is no setting: --help lists them all.` : [];
  });
}

function wordsOf(name: string): number {
  return name.split('_').length;
}

function describeIssue(issue: z.core.$ZodIssue, given: NodeJS.ProcessEnv): string {
  const name = String(issue.path[0] ?? '');
  if (issue.code === 'custom') return issue.message;
  const value = given[name];
  const expected = expectation(issue);
  return value === undefined
    ? `${name} is not set, but must be ${expected}.`
    : `${name} is ${JSON.stringify(value.slice(0, SHOWN_MAX))}, but must be ${expected}.`;
}

/** What must be there, to be read after "must be". */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string' ? `a text of ${issue.minimum} characters at least` : issue.message;
    case 'too_big':
      return issue.origin === 'string' ? `a text of ${issue.maximum} characters at most` : issue.message;
    case 'invalid_type':
      return issue.expected === 'string' ? 'a text' : issue.message;
    default:
      return issue.message;
  }
}
