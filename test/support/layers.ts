/** What the files of one folder of src may import. */
export interface Layer {
  readonly folders: readonly string[]
  readonly node?: boolean
  readonly packages?: readonly string[]
  /** May import the types, and only the types, of a client that the user brings (an optional peer dependency). */
  readonly clientTypes?: boolean
}

// A partition of Kafka is a log, and a group on it is a group on a log: adapters build on what `log` knows of both.
const adapter: Layer = { folders: ['core', 'log', 'remote', 'flow'], clientTypes: true }

/**
 * The layer table: folder of src → what it may import besides itself. '' is src/index.ts. A folder without a row is
 * refused, so its place is decided before its first file is written. Nothing imports cli or console.
 */
export const layers: Readonly<Record<string, Layer>> = {
  '': { folders: ['core'] },
  core: { folders: [] },
  log: { folders: ['core'] },
  wal: { folders: ['core', 'log'], node: true },
  remote: { folders: ['core', 'log'] },
  flow: { folders: ['core'] },
  tenants: { folders: ['core', 'flow'] },
  // Whoever opens this door has the client. JetStream and the transport are imported when they are first asked for.
  nats: { ...adapter, packages: ['@nats-io/nats-core', '@nats-io/jetstream', '@nats-io/transport-node'] },
  kafka: adapter,
  postgres: adapter,
  bridge: { folders: ['core', 'flow'] },
  metrics: { folders: ['core', 'flow', 'log'] },
  tracing: { folders: ['core', 'flow', 'log'] },
  predict: { folders: ['core'] },
  // The fault proxy of the kit is a TCP server.
  conformance: { folders: ['core'], node: true },
  console: { folders: ['core', 'log', 'flow', 'metrics'], node: true },
  cli: {
    folders: [
      '',
      'core',
      'log',
      'wal',
      'remote',
      'flow',
      'tenants',
      'nats',
      'kafka',
      'postgres',
      'bridge',
      'metrics',
      'tracing',
      'predict',
      'conformance',
      'console',
    ],
    node: true,
    packages: ['commander'],
  },
}
