import { MemoryMessage, type Stamp } from '../core/memory-message.ts'
import type { LogMessage } from './contract.ts'

/** A record of the log in memory. */
export class LogRecord extends MemoryMessage implements LogMessage {
  readonly offset: number
  readonly seq: number

  constructor(topic: string, payload: unknown, stamp: Stamp, offset: number, seq: number) {
    super(topic, payload, stamp)
    this.offset = offset
    this.seq = seq
  }

  /** All properties of the contract as plain data. */
  override toJSON(): LogMessage {
    const { offset, seq } = this
    return { ...super.toJSON(), offset, seq }
  }
}
