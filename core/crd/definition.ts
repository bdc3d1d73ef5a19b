/** CustomResourceDefinitions made from the schemas, so that the API server refuses what Gleipnir could not read. Pure. */
import { z } from 'zod';
import { API_GROUP } from './metadata.ts';
import { KINDS, type Kind } from './types.ts';

/** A column of `kubectl get`. */
interface Column {
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'date';
  jsonPath: string;
  description: string;
  /** 1: with `-o wide` only. */
  priority?: 1;
}

interface Presentation {
  description: string;
  shortName: string;
  columns: readonly Column[];
}

const AGE: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'How long it has been there.',
};

const text = (name: string, jsonPath: string, description: string): Column => ({
  name,
  type: 'string',
  jsonPath,
  description,
});
const wide = (column: Column): Column => ({ ...column, priority: 1 });

const PRESENTATIONS: Readonly<Record<Kind, Presentation>> = {
  User: {
    description: 'A person, with what their sessions may use.',
    shortName: 'gu',
    columns: [
      {
        name: 'Sessions',
        type: 'integer',
        jsonPath: '.status.sessions',
        description: 'Sessions that are not over.',
      },
      { name: 'Max', type: 'integer', jsonPath: '.spec.maxSessions', description: 'Sessions at once.' },
      wide(text('Subjects', '.spec.subjects', 'Names at the login.')),
      AGE,
    ],
  },
  App: {
    description: "One entry of the clients' list of games.",
    shortName: 'ga',
    columns: [
      text('Title', '.spec.title', 'Name that clients show.'),
      { name: 'ID', type: 'integer', jsonPath: '.spec.id', description: 'Moonlight app id.' },
      text('Accepted', '.status.conditions[?(@.type=="Accepted")].status', 'Whether it is offered.'),
      {
        name: 'Available',
        type: 'boolean',
        jsonPath: '.status.available',
        description: 'Whether it can be played.',
      },
      wide(text('Hosts', '.spec.hosts', 'Static hosts that offer it.')),
      AGE,
    ],
  },
  Pairing: {
    description:
      'A Moonlight client that may connect. Deleting it shuts the client out and ends its session.',
    shortName: 'gp',
    columns: [
      text('Client', '.spec.clientName', 'A name for people.'),
      text('User', '.spec.userReference.name', 'Who plays with it.'),
      {
        name: 'Seen',
        type: 'date',
        jsonPath: '.status.lastSeen',
        description: 'When it last asked for anything.',
      },
      AGE,
    ],
  },
  Session: {
    description: "One client's game, from launch to quit. Deleting it ends the game.",
    shortName: 'gs',
    columns: [
      text('Phase', '.status.phase', 'How far it is.'),
      text('User', '.spec.userReference.name', 'Who plays.'),
      text('App', '.spec.gameReference.name', 'Moonlight app id of the game.'),
      text('Host', '.status.hostName', 'Host that plays it.'),
      text('Client', '.spec.pairingReference.name', 'Pairing that launched it.'),
      wide(text('Pod', '.status.podName', 'Pod that plays it.')),
      wide(text('Message', '.status.message', 'Why it failed or ended.')),
      AGE,
    ],
  },
};

/** The definition of a kind as Kubernetes takes it; its name is its file's name in `crds/` too. */
export function crdOf(kind: Kind): { metadata: { name: string } } & Record<string, unknown> {
  const { plural, schema } = KINDS[kind];
  const { description, shortName, columns } = PRESENTATIONS[kind];
  const { spec, status } = schema.shape;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['gleipnir'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string', description: 'Version of this shape of the object.' },
                kind: { type: 'string', description: 'What the object is.' },
                metadata: { type: 'object' },
                spec: structuralSchemaOf(spec),
                status: structuralSchemaOf(status),
              },
            },
          },
        },
      ],
    },
  };
}

type Schema = Readonly<Record<string, unknown>>;

/** A structural schema (Kubernetes' subset of OpenAPI v3) of what `schema` accepts. */
export function structuralSchemaOf(schema: z.ZodType): Schema {
  return structural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }));
}

function structural(schema: Schema): Schema {
  const { properties, items, additionalProperties, ...rest } = schema;
  if (rest['x-kubernetes-int-or-string'] === true) return intOrString(schema);
  return {
    ...withKnownFormat(rest),
    ...(properties === undefined ? {} : { properties: eachStructural(properties as Record<string, Schema>) }),
    ...(items === undefined ? {} : { items: structural(items as Schema) }),
    ...structuralRest(additionalProperties as Schema | undefined),
  };
}

function eachStructural(properties: Readonly<Record<string, Schema>>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, structural(schema)]));
}

/** What holds for fields without a name of their own: anything goes and is kept, or all have one shape. */
function structuralRest(schema: Schema | undefined): Schema {
  if (schema === undefined) return {};
  if (Object.keys(schema).length === 0) return { 'x-kubernetes-preserve-unknown-fields': true };
  return { additionalProperties: structural(schema) };
}

/** A union of number and text is allowed in this one form only; what holds for the text stands beside it. */
function intOrString({ anyOf, ...rest }: Schema): Schema {
  const text = (anyOf as Schema[]).find(({ type }) => type === 'string');
  const limits = Object.entries(text ?? {}).filter(([keyword]) => keyword !== 'type');
  return { ...rest, ...Object.fromEntries(limits), anyOf: [{ type: 'integer' }, { type: 'string' }] };
}

/** Formats that the API server checks by itself. */
const FORMATS: Readonly<Record<string, string>> = { base64: 'byte', 'date-time': 'date-time' };

/** What the library adds to a format, where the API server's own check says better what is wrong. */
const SPELLED_OUT = ['pattern', 'contentEncoding'];

function withKnownFormat(schema: Schema): Schema {
  const format = FORMATS[String(schema['format'])];
  if (format === undefined) return schema;
  const rest = Object.entries(schema).filter(([keyword]) => !SPELLED_OUT.includes(keyword));
  return { ...Object.fromEntries(rest), format };
}
