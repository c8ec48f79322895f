import { GroupMessage } from '../log/group/group-message.ts'
import type { KafkaDelivery } from './contract.ts'
import type { KafkaRecord } from './kafka-record.ts'

/** A record of Kafka in the hands of a member of a group. */
export class KafkaGroupMessage extends GroupMessage<KafkaRecord> implements KafkaDelivery {
  get partition(): number {
    return this.record.partition
  }

  get raw(): Uint8Array {
    return this.record.raw
  }
}
