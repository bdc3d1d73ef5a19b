/** Who the command-line client is, and which hosts it is paired with: one JSON file. */
import { z } from 'zod';
import { createClientCertificate, type Certificate } from '../../core/identity/certificate.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { readFileIfPresent, writeFileAtomic } from '../../core/runtime/files.ts';

const Content = z.object({
  certificatePem: z.string(),
  privateKeyPem: z.string(),
  /** Certificates of paired hosts, by `address:port`. */
  hosts: z.record(z.string(), z.string()).default({}),
});
type Content = z.output<typeof Content>;

export class IdentityFile {
  readonly #path: string;
  readonly #content: Content;

  private constructor(path: string, content: Content) {
    this.#path = path;
    this.#content = content;
  }

  /** Reads the file, or makes it. @throws GleipnirError IDENTITY_CORRUPT naming a damaged file. */
  static async open(path: string): Promise<IdentityFile> {
    const bytes = await readFileIfPresent(path);
    if (bytes !== undefined) return new IdentityFile(path, parseContent(path, bytes.toString('utf8')));
    const file = new IdentityFile(path, { ...(await createClientCertificate()), hosts: {} });
    await file.#write();
    return file;
  }

  get identity(): Certificate {
    const { certificatePem, privateKeyPem } = this.#content;
    return { certificatePem, privateKeyPem };
  }

  /** @param host `address:port`. @returns PEM, or `undefined` for a host that was never paired. */
  hostCertificatePem(host: string): string | undefined {
    return this.#content.hosts[host];
  }

  async setHostCertificatePem(host: string, certificatePem: string): Promise<void> {
    this.#content.hosts[host] = certificatePem;
    await this.#write();
  }

  async #write(): Promise<void> {
    await writeFileAtomic(this.#path, `${JSON.stringify(this.#content, undefined, 2)}\n`);
  }
}

function parseContent(path: string, text: string): Content {
  try {
    return Content.parse(JSON.parse(text));
  } catch (cause) {
    throw new GleipnirError('IDENTITY_CORRUPT', 'The identity file is damaged', { path }, { cause });
  }
}
