import { PayloadInvalidError, type SchemaIssue } from './errors.ts'
import { isThenable } from './thenable.ts'
import { checkPattern, isLiteral, matches } from './topic.ts'

/**
 * A validator that follows the Standard Schema specification, version 1 (https://standardschema.dev): zod, valibot,
 * arktype and others are. Only the part that is used here is asked for.
 */
export interface PayloadSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>
  }
}

type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** The schemas of a broker: by topic, or by pattern. */
export class SchemaTable {
  readonly #byPattern: ReadonlyMap<string, PayloadSchema>

  /** Throws `InvalidPatternError` for a key that is no pattern. */
  constructor(schemas: Readonly<Record<string, PayloadSchema>>) {
    for (const pattern of Object.keys(schemas)) checkPattern(pattern)
    this.#byPattern = new Map(Object.entries(schemas))
  }

  /** The schema of the topic itself, else of the first pattern, in the order given, that matches it. */
  find(topic: string): PayloadSchema | undefined {
    const own = this.#byPattern.get(topic)
    if (own !== undefined) return own
    for (const [pattern, schema] of this.#byPattern) {
      if (!isLiteral(pattern) && matches(pattern, topic)) return schema
    }
    return undefined
  }
}

/** The payload as its schema returns it. Throws or rejects with `PayloadInvalidError`; is a promise if the schema's is. */
export function validate(schema: PayloadSchema, topic: string, payload: unknown): unknown {
  const result = schema['~standard'].validate(payload)
  return isThenable(result)
    ? Promise.resolve(result).then((late) => accept(late, topic))
    : accept(result, topic)
}

function accept(result: SchemaResult, topic: string): unknown {
  if (result.issues !== undefined) throw new PayloadInvalidError(topic, result.issues)
  return result.value
}
