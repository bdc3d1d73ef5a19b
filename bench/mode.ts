/**
 * What every mode of the bench is: options, a measurement, its tables, and files of results. A mode is a file in
 * modes/ and a line in main.ts.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

/** One option that has a value. */
export interface Option<V> {
  /** For --help. */
  about: string;
  value: V;
  /** Its value under --quick. Default: the same. */
  quick?: V;
  /** Of numbers, which are whole if `value` is. Default: 1 and up. */
  min?: number;
  max?: number;
  /** Of texts: what may be named, separated by commas. Default: anything. */
  among?: readonly string[];
}

type Value = string | number;

/** What distinguishes one mode from another. */
export interface ModeDefinition<Plan extends object, Results> {
  /** Chosen by `--name`. */
  name: string;
  question: string;
  /** Privileges and time. */
  needs: string;
  /** Of the command line. One called `names` takes what stands there without `--`. */
  options: { [K in keyof Plan]: Option<Plan[K]> };
  measure: (plan: Plan, isQuick: boolean) => Promise<Results>;
  /** Tables in Markdown. */
  format: (results: Results) => string;
  /** What a run that was not quick leaves behind. Default: all results, as results/<name>.json. */
  files?: (results: Results) => readonly ResultFile[];
}

export interface ResultFile {
  url: URL;
  text: string;
}

/** A mode, ready to run. */
export interface Mode {
  name: string;
  question: string;
  /** Measures, prints and writes; or says how it is used. @param args - the whole command line. @throws Error */
  run: (args: readonly string[]) => Promise<void>;
}

/** Where results go, as JSON. */
export function resultsFile(name: string, results: unknown): ResultFile {
  const url = new URL(`./results/${name}.json`, import.meta.url);
  return { url, text: `${JSON.stringify(results, null, 2)}\n` };
}

export function createMode<Plan extends { [K in keyof Plan]: Value }, Results>(
  mode: ModeDefinition<Plan, Results>,
): Mode {
  const { name, question, needs, measure, format } = mode;
  const files = mode.files ?? ((results: Results) => [resultsFile(name, results)]);
  const options = Object.entries<Option<Value>>(mode.options);
  const run = async (args: readonly string[]): Promise<void> => {
    const flags = [name, 'quick', 'help'].map((flag) => [flag, { type: 'boolean' as const }] as const);
    const texts = options.map(([option]) => [option, { type: 'string' as const }] as const);
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: 'names' in mode.options,
      options: Object.fromEntries<{ type: 'boolean' | 'string' }>([...flags, ...texts]),
    });
    const given: Record<string, unknown> = { ...values };
    if (positionals.length > 0) given['names'] = positionals.join(',');
    const [isQuick, isHelp] = [given['quick'] === true, given['help'] === true];
    const plan = isHelp ? undefined : planOf(options, given, isQuick);
    if (plan === undefined) {
      const usage = `npm run bench -- --${name} [options]\n\nMeasures ${question}. ${needs}.\n\n`;
      process.stdout.write(`${usage}${options.map(formatOption).join('')}${QUICK}`);
      process.exitCode = isHelp ? 0 : 2;
      return;
    }
    const results = await measure(plan as Plan, isQuick);
    process.stdout.write(`${format(results)}\n`);
    for (const { url, text } of isQuick ? [] : files(results)) await writeFile(url, text);
  };
  return { name, question, run };
}

/** @param given - by name; what is no text was not given. @returns `undefined` where a value makes no sense. */
export function planOf(
  options: readonly (readonly [name: string, option: Option<Value>])[],
  given: Readonly<Record<string, unknown>>,
  isQuick: boolean,
): Record<string, Value> | undefined {
  const plan: Record<string, Value> = {};
  for (const [name, option] of options) {
    const text = given[name];
    const usual = isQuick ? (option.quick ?? option.value) : option.value;
    const value = typeof text === 'string' ? read(option, text) : usual;
    if (value === undefined) return undefined;
    plan[name] = value;
  }
  return plan;
}

function read({ value, among, min = 1, max = Infinity }: Option<Value>, text: string): Value | undefined {
  if (typeof value === 'string') {
    return among === undefined || text.split(',').every((part) => among.includes(part)) ? text : undefined;
  }
  const number = Number(text);
  const isKind = Number.isFinite(number) && (Number.isInteger(number) || !Number.isInteger(value));
  return isKind && number >= min && number <= max ? number : undefined;
}

const QUICK =
  '  --quick          a short run, which writes no files: for trying things out, not for figures\n';

function formatOption([name, { about, value, quick, among }]: readonly [string, Option<Value>]): string {
  const argument = typeof value === 'number' ? 'N' : (among?.join(',') ?? 'TEXT');
  const head = name === 'names' ? argument : `--${name} ${argument}`;
  const usual = value === '' ? '' : `; default ${value}`;
  return `  ${head.padEnd(16)} ${about}${usual}${quick === undefined ? '' : `, with --quick ${quick}`}\n`;
}
