import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectEvent } from '../object-store.ts';
import { ObjectCache, type Entry } from './cache.ts';

/** What stands for an object: its own state as text. */
type State = string;

function entry(name: string, version: number, changes: Partial<Entry<State>> = {}): Entry<State> {
  return {
    name,
    uid: `${name}-1`,
    version: BigInt(version),
    isTerminating: false,
    object: `${name}@${version}`,
    ...changes,
  };
}
const brief = (events: readonly ObjectEvent<State>[]): string[] =>
  events.map(({ type, object }) => `${type} ${object}`);

describe('ObjectCache', () => {
  it('tells the difference that a list makes', () => {
    const cache = new ObjectCache<State>();
    expect(brief(cache.listed([entry('a', 1), entry('b', 2)], 2n, 0n))).toEqual(['added a@1', 'added b@2']);
    const again = [entry('a', 1), entry('c', 4)];
    expect(brief(cache.listed(again, 5n, 2n))).toEqual(['deleted b@2', 'added c@4']);
    expect(cache.listed(again, 6n, 5n)).toEqual([]);
  });

  it('tells an answer and the watch’s word about it once, whichever comes first', () => {
    const cache = new ObjectCache<State>();
    expect(brief(cache.written(entry('a', 3)))).toEqual(['added a@3']);
    expect(cache.changed(entry('a', 3))).toEqual([]);
    expect(brief(cache.changed(entry('a', 4)))).toEqual(['modified a@4']);
    expect(cache.written(entry('a', 4))).toEqual([]);
  });

  it('does not bring back what the watch has buried already', () => {
    const cache = new ObjectCache<State>();
    cache.changed(entry('a', 3));
    cache.removed(entry('a', 4));
    expect(cache.written(entry('a', 3))).toEqual([]);
    expect(cache.list()).toEqual([]);
  });

  it('does not bring back what it deleted itself, before the watch says so', () => {
    const cache = new ObjectCache<State>();
    cache.written(entry('a', 3));
    expect(brief(cache.deleted('a', 'a-1'))).toEqual(['deleted a@3']);
    expect(cache.changed(entry('a', 3))).toEqual([]);
    expect(cache.listed([entry('a', 3)], 3n, 0n)).toEqual([]);
    expect(cache.removed(entry('a', 5))).toEqual([]);
    expect(brief(cache.changed(entry('a', 6, { uid: 'a-2' })))).toEqual(['added a@6']);
  });

  it('tells two objects of one name apart', () => {
    const cache = new ObjectCache<State>();
    cache.changed(entry('a', 1));
    expect(brief(cache.written(entry('a', 9, { uid: 'a-2' })))).toEqual(['deleted a@1', 'added a@9']);
    expect(cache.removed(entry('a', 8))).toEqual([]);
    expect(cache.list()).toEqual(['a@9']);
  });

  it('takes what waits for finalizers for gone', () => {
    const cache = new ObjectCache<State>();
    cache.changed(entry('a', 1));
    expect(brief(cache.changed(entry('a', 2, { isTerminating: true })))).toEqual(['deleted a@1']);
    expect(cache.listed([entry('a', 2, { isTerminating: true })], 3n, 2n)).toEqual([]);
    expect(cache.removed(entry('a', 4))).toEqual([]);
  });

  it('keeps the last valid state of an object that no longer is valid', () => {
    const cache = new ObjectCache<State>();
    expect(cache.changed(entry('bad', 1, { object: undefined }))).toEqual([]);
    cache.changed(entry('a', 2));
    expect(cache.changed(entry('a', 3, { object: undefined }))).toEqual([]);
    expect(cache.list()).toEqual(['a@2']);
    expect(brief(cache.removed(entry('a', 4, { object: undefined })))).toEqual(['deleted a@2']);
  });

  it('believes a server that lost its past', () => {
    const cache = new ObjectCache<State>();
    cache.changed(entry('a', 90));
    cache.changed(entry('b', 91));
    expect(brief(cache.listed([entry('a', 40)], 50n, 91n))).toEqual(['deleted b@91', 'modified a@40']);
    expect(brief(cache.changed(entry('a', 51)))).toEqual(['modified a@51']);
  });
});

/** A server with a history, and one client whose answers, lists and watch arrive late, in any order they can. */
class World {
  readonly cache = new ObjectCache<State>();
  /** What a listener that started with nothing believes now. */
  readonly believed = new Map<string, State>();
  /** Every state that was told: none may be told again. */
  readonly #told = new Set<State>();
  readonly #objects = new Map<string, Entry<State>>();
  #history: { type: 'changed' | 'removed'; entry: Entry<State> }[] = [];
  readonly #answers = new Map<string, () => ObjectEvent<State>[]>();
  #list: (() => ObjectEvent<State>[]) | undefined;
  #version = 0;

  change(name: string, isOurs: boolean): void {
    if (isOurs && this.#answers.has(name)) return;
    this.#version += 1;
    const uid = this.#objects.get(name)?.uid ?? `${name}-${this.#version}`;
    const changed = entry(name, this.#version, { uid });
    this.#objects.set(name, changed);
    this.#history.push({ type: 'changed', entry: changed });
    if (isOurs) this.#answers.set(name, () => this.cache.written(changed));
  }

  delete(name: string, isOurs: boolean): void {
    if (isOurs && this.#answers.has(name)) return;
    const uid = this.cache.get(name)?.uid;
    const object = this.#objects.get(name);
    if (object !== undefined) {
      this.#version += 1;
      this.#objects.delete(name);
      this.#history.push({ type: 'removed', entry: { ...object, version: BigInt(this.#version) } });
    }
    if (isOurs) this.#answers.set(name, () => (uid === undefined ? [] : this.cache.deleted(name, uid)));
  }

  answer(name: string): void {
    this.#hear(this.#answers.get(name)?.() ?? []);
    this.#answers.delete(name);
  }

  /** The watch breaks, and the list that replaces it is made. */
  startList(): void {
    const [since, version, entries] = [
      this.cache.position,
      BigInt(this.#version),
      [...this.#objects.values()],
    ];
    this.#history = [];
    this.#list = () => this.cache.listed(entries, version, since);
  }

  /** The list arrives, or the next event of the watch. */
  deliver(): void {
    if (this.#list !== undefined) {
      this.#hear(this.#list());
      this.#list = undefined;
      return;
    }
    const next = this.#history.shift();
    if (next !== undefined) this.#hear(this.cache[next.type](next.entry));
  }

  settle(names: readonly string[]): void {
    for (const name of names) this.answer(name);
    this.deliver();
    while (this.#history.length > 0) this.deliver();
  }

  get truth(): State[] {
    return [...this.#objects.values()].flatMap(({ object }) => object ?? []).sort();
  }

  #hear(events: readonly ObjectEvent<State>[]): void {
    for (const { type, object } of events) {
      const [name = ''] = object.split('@');
      expect(this.believed.has(name)).toBe(type !== 'added');
      if (type === 'deleted') {
        this.believed.delete(name);
        continue;
      }
      expect(this.#told.has(object)).toBe(false);
      this.#told.add(object);
      this.believed.set(name, object);
    }
  }
}

describe('ObjectCache, whatever overtakes what', () => {
  it('ends with the truth, told without a gap and without a repetition', { timeout: 60_000 }, () => {
    const names = ['a', 'b'];
    const step = fc.record({
      does: fc.constantFrom('change', 'delete', 'answer', 'startList', 'deliver', 'deliver'),
      name: fc.constantFrom(...names),
      isOurs: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const { does, name, isOurs } of steps) world[does](name, isOurs);
        world.settle(names);
        expect(world.cache.list().sort()).toEqual(world.truth);
        expect([...world.believed.values()].sort()).toEqual(world.truth);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 1) * 2_000 },
    );
  });
});
