import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { deal, decodeTopics, encodeAssignment, encodeTopics, roundRobin } from '../../src/kafka/assigner.ts'
import { murmur2 } from '../../src/kafka/murmur2.ts'

const { AssignerProtocol } = createRequire(import.meta.url)('kafkajs') as {
  AssignerProtocol: {
    MemberMetadata: {
      encode(what: object): Buffer
      decode(bytes: Buffer): { topics: string[] }
    }
    MemberAssignment: { decode(bytes: Buffer): { assignment: Record<string, number[]> } }
  }
}

describe('the assigner for kafkajs', () => {
  it('writes and reads what the client itself does', () => {
    const topics = ['a.b', 'ünï']

    expect(AssignerProtocol.MemberMetadata.decode(encodeTopics(topics)).topics).toEqual(topics)
    expect(decodeTopics(AssignerProtocol.MemberMetadata.encode({ version: 0, topics }))).toEqual(topics)
    const assignment = encodeAssignment(
      new Map([
        ['a.b', [0, 2]],
        ['c', [1]],
      ]),
    )
    expect(AssignerProtocol.MemberAssignment.decode(assignment).assignment).toEqual({ 'a.b': [0, 2], c: [1] })
  })

  it('deals each partition once, evenly, to members that want its topic', () => {
    const wishes = new Map([
      ['m1', ['a', 'b']],
      ['m2', ['a']],
      ['m3', ['b', 'a']],
    ])

    const dealt = deal(wishes, ['a', 'b'], (topic) => (topic === 'a' ? [0, 1, 2, 3] : [0, 1]))

    const parts = dealt.flatMap(([id, own]) =>
      [...own].flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ id, part: `${topic}${partition}` })),
      ),
    )
    expect(parts.map(({ part }) => part).toSorted()).toEqual(['a0', 'a1', 'a2', 'a3', 'b0', 'b1'])
    expect(parts.filter(({ id, part }) => id === 'm2' && part.startsWith('b'))).toEqual([])
    for (const [id] of dealt) expect(parts.filter((one) => one.id === id)).toHaveLength(2)
  })

  it('refuses to join while the member has something to let go of', () => {
    let busy = true
    const make = roundRobin(() => {
      if (busy) throw Object.assign(new Error('busy'), { type: 'REBALANCE_IN_PROGRESS' })
    })
    const assigner = make({
      cluster: { addTargetTopic: () => Promise.resolve(), findTopicPartitionMetadata: () => [] },
    })

    expect(() => assigner.protocol({ topics: ['a'] })).toThrow('busy')
    busy = false
    expect(assigner.protocol({ topics: ['a'] }).name).toBe('RoundRobinAssigner')
  })
})

describe('the hash of keys', () => {
  it.each([
    ['', 275646681],
    ['a', -1563381124],
    ['ab', 316155434],
    ['abc', 479470107],
    ['abcd', -1323649548],
    ['ключ', 2122343024],
  ])('is that of Java: %s', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
  })
})
