/** What npm has installed, against what the lockfile names: npm's own record says it, whoever ran npm. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Packages of the lockfile that node_modules lacks or has in another version. Optional ones may be absent, as on other
 * platforms, but for those in `needed`.
 *
 * @param {string} root folder of package-lock.json
 * @param {readonly string[]} needed names of optional packages that are needed where this platform has them
 * @returns {string[]} their places, such as `node_modules/zod`
 */
export function findMissing(root, needed = []) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  // npm writes its record last: without it, an install was cut off.
  const record = join(root, 'node_modules', '.package-lock.json');
  const installed = existsSync(record) ? readPackages(record) : {};
  return Object.entries(wanted)
    .filter(([place, entry]) => {
      if (place === '') return false;
      const found = installed[place];
      if (found === undefined) return !mayBeAbsent(place, entry, needed);
      return found.version !== entry.version || found.integrity !== entry.integrity || !isThere(root, place);
    })
    .map(([place]) => place);
}

function mayBeAbsent(place, { optional, os }, needed) {
  if (optional !== true) return false;
  const isForUs = os === undefined || os.includes(process.platform);
  return !isForUs || !needed.some((name) => place === `node_modules/${name}`);
}

function isThere(root, place) {
  return existsSync(join(root, place, 'package.json'));
}

/** @returns {Record<string, {version?: string, integrity?: string, optional?: boolean, os?: string[]}>} */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    // A record that was cut off is as good as none.
    return {};
  }
}
