import { describe, expect, it } from 'vitest';
import { sessionRow } from '../../core/session/contract.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import { createRequireLead, guardStore, guardWriter } from './guard.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

describe('a guard', () => {
  it('lets the leader write rows, and nobody else', async () => {
    let isLeading = true;
    const { reader, writer } = createMemoryTable();
    const guarded = guardWriter(
      writer('session'),
      createRequireLead(() => isLeading),
    );
    await guarded.put(sessionRow());
    isLeading = false;
    await expect(guarded.put(sessionRow({ generation: 2 }))).rejects.toMatchObject({ code: 'NOT_LEADING' });
    await expect(guarded.remove('s1')).rejects.toMatchObject({ code: 'NOT_LEADING' });
    expect(await reader.get('session', 's1')).toMatchObject({ generation: 1 });
  });

  it('lets everybody read objects, and the leader alone change them', async () => {
    const asked: string[] = [];
    const call = (name: string) => (): Promise<never> => {
      asked.push(name);
      return Promise.resolve(undefined as never);
    };
    const store: ObjectStore<'App'> = {
      ...{ get: call('get'), list: call('list'), create: call('create'), update: call('update') },
      ...{ patchStatus: call('patchStatus'), delete: call('delete'), watch: () => () => undefined },
    };
    const guarded = guardStore(
      store,
      createRequireLead(() => false),
    );
    await guarded.get('a');
    await guarded.list();
    const spec = { title: 'Chess', id: 1 };
    for (const write of [
      guarded.create({ name: 'a', spec }),
      guarded.update('a', spec),
      guarded.patchStatus('a', {}),
      guarded.delete('a'),
    ]) {
      await expect(write).rejects.toMatchObject({ code: 'NOT_LEADING' });
    }
    expect(asked).toEqual(['get', 'list']);
  });
});
