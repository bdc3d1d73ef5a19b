/** Where the kernel path is refused the relay runs in user space and says why; it does not where it was told not to. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeKernelPath } from './support/kernel-suite.ts';

const CHILD = fileURLToPath(import.meta.resolve('./support/kernel-choice.main.ts'));
const NOBODY = '65534';
const NO_PRIVILEGES = ['setpriv', '--bounding-set', '-bpf,-net_admin,-sys_admin'];
/** Makes `koffi` a package that is not installed. */
const WITHOUT_KOFFI = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve: (name, context, next) => next(name === 'koffi' ? 'no-koffi' : name, context) });
`)}`;

/** What the child says, one object for each line. */
type Line = Record<string, unknown>;

describeKernelPath('choice', (stage) => {
  async function choose(datapath: string, { as = [], node = [] }: Case): Promise<Line[]> {
    const [command, ...args] = [...as, process.execPath, ...node, CHILD, datapath];
    const output = await stage.network.run('edge', command, ...args);
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  }

  const chosen = (lines: readonly Line[]): Line[] =>
    lines.filter(({ msg }) => msg === 'datapath engine chosen');

  describe.each<Case & { name: string; reason: RegExp }>([
    { name: 'without CAP_BPF and CAP_NET_ADMIN', as: NO_PRIVILEGES, reason: /bpf\(2\).*EPERM/ },
    {
      name: 'without CAP_NET_ADMIN',
      as: ['setpriv', '--bounding-set', '-net_admin,-sys_admin'],
      reason: /bpf\(2\).*EPERM/,
    },
    {
      name: 'without CAP_BPF',
      as: ['setpriv', '--bounding-set', '-bpf,-sys_admin'],
      reason: /bpf\(2\).*EPERM/,
    },
    {
      name: 'as another user',
      as: ['setpriv', '--reuid', NOBODY, '--clear-groups'],
      reason: /bpf\(2\).*EPERM/,
    },
    { name: 'where native add-ons are forbidden', node: ['--no-addons'], reason: /C library/ },
    { name: 'where koffi is not installed', node: ['--import', WITHOUT_KOFFI], reason: /C library/ },
  ])('$name', ({ reason, ...how }) => {
    it('is user space, and one line says why', async () => {
      const lines = await choose('auto', how);
      expect(chosen(lines)).toEqual([
        expect.objectContaining({
          level: 30,
          engine: 'userspace',
          reason: expect.stringMatching(reason) as string,
        }),
      ]);
      const [line] = chosen(lines);
      expect(lines.at(-1)).toEqual({
        datapath: { engine: 'userspace', reason: line?.['reason'], routes: 0, inKernel: 0 },
      });
    });

    it('is an error where the kernel was asked for', async () => {
      const lines = await choose('kernel', how);
      expect(lines).toEqual([expect.objectContaining({ code: 'KERNEL_PATH_UNAVAILABLE' })]);
    });
  });

  it('is of no interest where user space was asked for', async () => {
    const lines = await choose('userspace', { as: NO_PRIVILEGES });
    expect(chosen(lines)).toEqual([expect.objectContaining({ engine: 'userspace', reason: 'configured' })]);
  });

  it.each<Case & { name: string }>([
    { name: 'with every privilege' },
    {
      name: 'as another user with CAP_BPF and CAP_NET_ADMIN',
      as: [
        ...['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'],
        ...['--inh-caps', '-all,+bpf,+net_admin', '--ambient-caps', '-all,+bpf,+net_admin'],
        ...['--bounding-set', '-all,+bpf,+net_admin'],
      ],
    },
  ])('is the kernel $name', async (how) => {
    const lines = await choose('auto', how);
    expect(chosen(lines)).toEqual([expect.objectContaining({ engine: 'kernel' })]);
    expect(lines.at(-1)).toMatchObject({ datapath: { engine: 'kernel' } });
  });
});

/** How the child is started: through which program, with which options of node. */
interface Case {
  as?: string[];
  node?: string[];
}
