/** nginx as a UDP proxy (stream module): a listener for each flow, as many workers as cores. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENT_PORT, type Lane } from '../../stage/lanes.ts';
import { aimAtEdge } from '../../stage/stage.ts';
import { findProgram, portOf, whyNotInstalled, type Candidate } from './candidate.ts';

/**
 * How the configuration comes to the stream module: what it must begin with, nothing where it is built in.
 *
 * @param build - what `nginx -V` prints. @returns `undefined` without the module
 */
export function parseStreamModule(build: string): string | undefined {
  if (/ --with-stream( |$)/m.test(build)) return '';
  const folder = / --modules-path=(\S+)/.exec(build)?.[1];
  if (folder === undefined || !build.includes(' --with-stream=dynamic')) return undefined;
  return `load_module ${folder}/ngx_stream_module.so;`;
}

/** @param folder - for its files */
export function formatConfig(folder: string, load: string, lane: Lane): string {
  const servers = lane.clients.map(
    (address, flow) => `  server {
    listen ${lane.edgeToPod}:${portOf(flow)} udp reuseport rcvbuf=4m;
    proxy_pass ${address}:${CLIENT_PORT};
    proxy_bind ${lane.edgeToClient};
    proxy_timeout 1h;
  }`,
  );
  return `${load}
daemon off;
worker_processes auto;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }
stream {
${servers.join('\n')}
}
`;
}

/** nginx prints this to standard error. */
function findModule(program: string): string | undefined {
  return parseStreamModule(execFileSync('sh', ['-c', `"${program}" -V 2>&1`], { encoding: 'utf8' }));
}

export const nginx: Candidate = {
  name: 'nginx',
  title: 'nginx stream',
  whyNot: () => {
    const reason = whyNotInstalled('nginx');
    if (reason !== undefined) return reason;
    return findModule(findProgram('nginx')) === undefined ? 'installed without its stream module' : undefined;
  },
  start: async (place) => {
    const { lane, group } = place;
    const { folder } = place.stage;
    const program = findProgram('nginx');
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, formatConfig(folder, findModule(program) ?? '', lane));
    group.spawn([program, '-e', join(folder, 'error.log'), '-c', config]);
    await aimAtEdge(place, portOf);
    return { place };
  },
};
