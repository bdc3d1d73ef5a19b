import { describe, expect, it } from 'vitest';
import { parsePlaces, parseUsage } from './cpu-time.ts';
import { isLeftOver, nameOf } from './leftovers.ts';
import { parseSchedstat } from './cpu-time.ts';

describe('parsePlaces', () => {
  it('prefers cpuacct of version 1, under its own name or with its companions', () => {
    const membership = '9:name=systemd:/\n4:cpu,cpuacct:/user.slice\n0::/\n';
    const [first, second] = parsePlaces(membership);
    const root = '/sys/fs/cgroup/cpu,cpuacct';
    expect(first).toEqual({ version: 1, folder: `${root}/user.slice`, root });
    expect(second?.folder).toBe('/sys/fs/cgroup/cpuacct/user.slice');
  });

  it('takes version 2, which has one line', () => {
    const path = 'system.slice/a.service';
    expect(parsePlaces(`0::/${path}\n`)).toEqual([
      { version: 2, folder: `/sys/fs/cgroup/${path}`, root: '/sys/fs/cgroup' },
      { version: 2, folder: `/sys/fs/cgroup/unified/${path}`, root: '/sys/fs/cgroup/unified' },
    ]);
  });

  it('finds none in nonsense', () => {
    expect(parsePlaces('')).toEqual([]);
    expect(parsePlaces('3:cpuset:/\n')).toEqual([]);
  });
});

describe('parseUsage', () => {
  it('reads nanoseconds of version 1 and microseconds of version 2', () => {
    expect(parseUsage(1, '1500000\n')).toBe(1500);
    expect(parseUsage(2, 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n')).toBe(1500);
  });

  it('knows when the text does not say', () => {
    expect(parseUsage(1, 'none\n')).toBeNaN();
    expect(parseUsage(2, 'user_usec 1000\n')).toBeNaN();
  });
});

describe('parseSchedstat', () => {
  it('reads the first field, ns', () => {
    expect(parseSchedstat('123456000 7890 42\n')).toBe(123_456);
  });

  it('is nothing when the text does not say', () => {
    expect(parseSchedstat('')).toBe(0);
  });
});

describe('isLeftOver', () => {
  it('knows the names of runs that are over, and only those', () => {
    expect(isLeftOver(nameOf('pod'))).toBe(false);
    // Above the highest process id that Linux gives out.
    expect(isLeftOver('gleipnir-bench-4194305-pod')).toBe(true);
    expect(isLeftOver('somebody-else')).toBe(false);
  });
});
