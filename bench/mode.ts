/**
 * What every mode of the bench is: options, a measurement, its tables, and files of results. A mode is a file in
 * modes/ and a line in main.ts.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';

/** What distinguishes one mode from another. */
interface ModeDefinition<Options extends z.ZodObject, Results> {
  /** Chosen by `--name`. */
  name: string;
  question: string;
  /** Privileges and time. */
  needs: string;
  /** Each with a default and a description. One called `names` takes what stands on the command line without `--`. */
  options: Options;
  /** What is another default under --quick. */
  quick: Partial<z.infer<Options>>;
  measure: (plan: z.infer<Options>, isQuick: boolean) => Promise<Results>;
  /** Tables in Markdown. */
  format: (results: Results) => string;
  /** What a run that was not quick leaves behind. Default: all results, as results/<name>.json. */
  files?: (results: Results) => readonly ResultFile[];
}

type ResultFile = Readonly<{ url: URL; text: string }>;

/** A mode, ready to run. */
interface Mode {
  name: string;
  question: string;
  /** Measures, prints and writes; or says how it is used. @param args - the whole command line. @throws Error */
  run: (args: readonly string[]) => Promise<void>;
}

/** A whole number above 0. */
export const count = z.coerce.number().int().min(1);
/** A time that machines and people have patience for. */
export const seconds = z.coerce.number().min(0.1).max(60);

/** Where results go, as JSON. */
export function resultsFile(name: string, results: unknown): ResultFile {
  const url = new URL(`./results/${name}.json`, import.meta.url);
  return { url, text: `${JSON.stringify(results, null, 2)}\n` };
}

export function createMode<Options extends z.ZodObject, Results>(
  mode: ModeDefinition<Options, Results>,
): Mode {
  const { name, question, options, measure, format } = mode;
  const files = mode.files ?? ((results: Results) => [resultsFile(name, results)]);
  const run = async (args: readonly string[]): Promise<void> => {
    const flags = [name, 'quick', 'help'].map((flag) => [flag, { type: 'boolean' }] as const);
    const texts = Object.keys(options.shape).map((option) => [option, { type: 'string' }] as const);
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: 'names' in options.shape,
      options: Object.fromEntries<{ type: 'boolean' | 'string' }>([...flags, ...texts]),
    });
    const given: Record<string, unknown> = { ...values };
    if (positionals.length > 0) given['names'] = positionals.join(',');
    const isQuick = given['quick'] === true;
    const plan = options.safeParse({ ...(isQuick ? mode.quick : {}), ...given });
    if (given['help'] === true || !plan.success) {
      const complaint = plan.success ? '' : `${z.prettifyError(plan.error)}\n\n`;
      process.stdout.write(complaint + formatUsage(mode));
      process.exitCode = plan.success ? 0 : 2;
      return;
    }
    const results = await measure(plan.data, isQuick);
    process.stdout.write(`${format(results)}\n`);
    for (const { url, text } of isQuick ? [] : files(results)) await writeFile(url, text);
  };
  return { name, question, run };
}

type Usage = Pick<ModeDefinition<z.ZodObject, never>, 'name' | 'question' | 'needs' | 'options' | 'quick'>;

function formatUsage({ name, question, needs, options, quick }: Usage): string {
  const lines = Object.entries(z.toJSONSchema(options).properties ?? {}).map(([option, property]) => {
    const { type, description, default: usual } = property as z.core.JSONSchema.JSONSchema;
    const head = option === 'names' ? 'NAME,...' : `--${option} ${type === 'string' ? 'TEXT' : 'N'}`;
    const defaults = [usual === '' ? '' : `; default ${String(usual)}`];
    if (option in quick) defaults.push(`, with --quick ${String(quick[option])}`);
    return `  ${head.padEnd(16)} ${description ?? ''}${defaults.join('')}\n`;
  });
  return `npm run bench -- --${name} [options]

Measures ${question}. ${needs}.

${lines.join('')}  --quick          a short run, which writes no files: for trying things out, not for figures
`;
}
