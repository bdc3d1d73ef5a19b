/** `npm run generate`: writes the files that are made from code. `test/repo.test.ts` fails when they are out of step. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatConfiguration } from './configuration.ts';

const root = join(import.meta.dirname, '..');
await writeFile(join(root, 'docs', 'configuration.md'), formatConfiguration());
