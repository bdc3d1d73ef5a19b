/** Defines our kinds at an API server, from the files in crds/. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import type { KubernetesAnswer, KubernetesRequest } from '../../core/store/kubernetes/client.ts';

const CRDS = join(import.meta.dirname, '../../crds');
const CRDS_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SERVED_PATH = '/apis/direwolf.games-on-whales.github.io/v1alpha1/sessions';
const CREATED = 201;
const OK = 200;
/** How often, and how many times, it is looked whether they are served. */
const LOOK_MS = 50;
const LOOKS_MAX = 200;

/** One request to the API server as somebody who may do this. */
export type Ask = (
  method: KubernetesRequest['method'],
  path: string,
  body?: unknown,
) => Promise<KubernetesAnswer>;

/** Resolves when the API server serves them. @throws Error saying what it answered. */
export async function defineKinds(ask: Ask): Promise<void> {
  const files = readdirSync(CRDS).filter((file) => file.endsWith('.yaml'));
  for (const file of files) {
    const { status, body } = await ask('POST', CRDS_PATH, parse(readFileSync(join(CRDS, file), 'utf8')));
    if (status !== CREATED) throw new Error(`${file}: ${JSON.stringify(body)}`);
  }
  for (let looks = 0; (await ask('GET', SERVED_PATH)).status !== OK; looks += 1) {
    if (looks > LOOKS_MAX) throw new Error('the kinds are never served');
    await delay(LOOK_MS);
  }
}
