/** Waiting for what another process does. */
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 50;

/** Looks until there is something. @throws Error with `complaint` when there never is */
export async function waitFor<T>(
  complaint: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(complaint);
    await delay(LOOK_AGAIN_MS);
  }
}
