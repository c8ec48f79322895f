import { GroupMessage } from '../../log/group/group-message.ts'
import type { GroupDelivery } from '../contract.ts'
import type { StoredRecord } from '../store/stored-record.ts'

/** A record of the log in the hands of a member of a group. */
export class StoredGroupMessage extends GroupMessage<StoredRecord> implements GroupDelivery {
  get seq(): number {
    return this.record.seq
  }
}
