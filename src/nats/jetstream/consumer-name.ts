/** Which group a durable consumer belongs to. */
export interface GroupName {
  readonly group: string
  readonly pattern: string
}

const longestReadable = 40

/**
 * The name of a group's durable consumer: the same in every process. A group may be called anything and a consumer may not,
 * so what is readable of it is followed by a hash of all of it.
 */
export function consumerName({ group, pattern }: GroupName, filter: string | undefined): string {
  const readable = group.replaceAll(/[^\w-]/g, '_').slice(0, longestReadable)
  return `${readable}_${hash([group, pattern, filter ?? ''].join('\n'))}`
}

const mark = 'spillway group '

/** What the consumer is described as: the server keeps it, so groups can be listed. */
export function describeGroup({ group, pattern }: GroupName): string {
  return mark + JSON.stringify({ group, pattern })
}

/** Undefined for a consumer that is no group of this library. */
export function describedGroup(description: string | undefined): GroupName | undefined {
  if (description?.startsWith(mark) !== true) return undefined
  try {
    const { group, pattern } = JSON.parse(description.slice(mark.length)) as Partial<GroupName>
    if (typeof group === 'string' && typeof pattern === 'string') return { group, pattern }
  } catch {
    // Somebody else's words.
  }
  return undefined
}

/** 64 bits in hex, of two multiplicative hashes: enough to tell the groups of one stream apart. */
function hash(text: string): string {
  let [a, b] = [0x9e3779b9, 0x85ebca6b]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x5bd1e995)
    b = Math.imul(b ^ code, 0x1b873593)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  a = Math.imul(a ^ (b >>> 16), 0xc2b2ae35)
  b = Math.imul(b ^ (a >>> 16), 0x27d4eb2f)
  return [a, b].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}
