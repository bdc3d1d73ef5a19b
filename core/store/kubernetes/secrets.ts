/** Small documents in Secrets of one namespace: one Secret each, its name a prefix and the document's. */
import { z } from 'zod';
import { messageOf, unavailable, type KubernetesClient } from './client.ts';

/** The one key of each Secret. */
const KEY = 'document';

const Secret = z.object({ data: z.record(z.string(), z.string()).optional() });

export interface SecretDocumentsDeps {
  client: KubernetesClient;
  namespace: string;
  /** A DNS label that ends in a dash. */
  prefix: string;
}

/** Its calls throw GleipnirError OBJECTS_UNAVAILABLE when the API server does not answer, or says no. */
export interface SecretDocuments {
  read: (name: string) => Promise<Buffer | undefined>;
  /** Makes the Secret, or replaces what it holds. */
  write: (name: string, content: string) => Promise<void>;
  describe: (name: string) => string;
}

/** @param name - of each call: lower-case letters, digits and dashes. */
export function createSecretDocuments({ client, namespace, prefix }: SecretDocumentsDeps): SecretDocuments {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  return {
    describe: (name) => `Secret ${namespace}/${prefix}${name}`,
    read: async (name) => {
      const request = {
        verb: 'get',
        kind: 'Secret',
        method: 'GET',
        path: `${path}/${prefix}${name}`,
      } as const;
      const { status, body } = await client.request(request);
      if (status === 404) return undefined;
      const parsed = Secret.safeParse(body);
      if (status >= 400 || !parsed.success) throw unavailable(request, { status, answer: messageOf(body) });
      return Buffer.from(parsed.data.data?.[KEY] ?? '', 'base64');
    },
    write: async (name, content) => {
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: prefix + name, labels: { 'app.kubernetes.io/managed-by': 'gleipnir' } },
        data: { [KEY]: Buffer.from(content).toString('base64') },
      };
      const create = { verb: 'create', kind: 'Secret', method: 'POST', path, body: secret } as const;
      const created = await client.request(create);
      if (created.status !== 409) {
        if (created.status >= 400) throw unavailable(create, refusalOf(created));
        return;
      }
      const patch = {
        verb: 'patch',
        kind: 'Secret',
        method: 'PATCH',
        path: `${path}/${prefix}${name}`,
        body: { data: secret.data },
        contentType: 'application/merge-patch+json',
      } as const;
      const patched = await client.request(patch);
      if (patched.status >= 400) throw unavailable(patch, refusalOf(patched));
    },
  };
}

function refusalOf({ status, body }: { status: number; body: unknown }): { status: number; answer: string } {
  return { status, answer: messageOf(body) };
}
