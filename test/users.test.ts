/** What objects that a person wrote by hand do in an appliance: Users with limits, Apps and Pairings that collide. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { API_VERSION, KINDS, type Kind, type ObjectOf } from '../core/crd/types.ts';
import { openLab, type Lab } from './support/lab.ts';
import { typePin } from './support/pin-page.ts';
import { certificateOf } from './support/odd-certificates.ts';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
});

const folderOf = ({ dataDir }: Lab, kind: Kind): string => join(dataDir, 'objects', KINDS[kind].plural);

/** Puts the file where the appliance finds it at its next start. */
async function putObject<K extends Kind>(
  opened: Lab,
  kind: K,
  { name, spec }: { name: string; spec: ObjectOf[K]['spec'] },
): Promise<void> {
  const metadata = { name, uid: name, generation: 1, creationTimestamp: '2099-01-01T00:00:00.000Z' };
  const text = stringify({ apiVersion: API_VERSION, kind, metadata, spec });
  await writeFile(join(folderOf(opened, kind), `${name}.yaml`), text);
}

async function readObjects<K extends Kind>(opened: Lab, kind: K): Promise<ObjectOf[K][]> {
  const folder = folderOf(opened, kind);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml'));
  return Promise.all(
    files.map(async (file) => parse(await readFile(join(folder, file), 'utf8')) as ObjectOf[K]),
  );
}

/** What stands as Accepted, by name. */
async function accepted(opened: Lab, kind: 'App' | 'Pairing' | 'User'): Promise<Record<string, string>> {
  const objects = await readObjects(opened, kind);
  return Object.fromEntries(
    objects.map(({ metadata, status }) => [metadata.name, status?.conditions?.[0]?.message ?? '']),
  );
}

describe('objects written by hand', () => {
  it('limit a person, in words that the client shows, and say what is wrong with them', async () => {
    const opened = (lab = await openLab());
    const client = await opened.createClient();
    const page = `http://127.0.0.1:${opened.ports.web}/`;
    await Promise.all([client.pair('1234'), typePin(page, '1234', 'anna')]);
    const [app] = await client.applist();
    const id = app?.id ?? 0;
    await putObject(opened, 'User', { name: 'anna', spec: { maxSessions: 0 } });
    await putObject(opened, 'App', { name: 'mine', spec: { title: 'Mine', id } });
    const odd = { userReference: { name: 'anna' }, clientCertPEM: certificateOf('ECDSA') };
    await putObject(opened, 'Pairing', { name: 'odd', spec: odd });
    await opened.restart(0);

    await expect(client.launch(id)).rejects.toMatchObject({
      details: { message: 'You may not play games here' },
    });
    await expect
      .poll(() => accepted(opened, 'App'))
      .toEqual({
        [`app-${id}`]: 'Its id is its own',
        mine: `The App app-${id} is older and has the id ${id}`,
      });
    await expect.poll(() => accepted(opened, 'User')).toEqual({ anna: 'Its subjects are its own' });
    await expect
      .poll(() => accepted(opened, 'Pairing'))
      .toMatchObject({
        odd: expect.stringContaining('is not an RSA key') as string,
      });
    const available = async () =>
      (await readObjects(opened, 'App')).map(({ metadata, status }) => [metadata.name, status?.available]);
    expect(Object.fromEntries(await available())).toEqual({ [`app-${id}`]: true, mine: false });
    expect(await client.applist()).toMatchObject([{ id, title: app?.title }]);
  });
});
