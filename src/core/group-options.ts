import type { SubscribeOptions } from './contract.ts'
import { GroupConflictError, InvalidOptionError } from './errors.ts'
import type { QueueGroup } from './queue-group.ts'
import { contradiction, type MailboxSettings } from './settings.ts'

/** Throws `InvalidOptionError` unless it can be the name of a group. */
export function checkGroupName(name: string): void {
  if (typeof name !== 'string' || name === '')
    throw new InvalidOptionError('group', name, 'Give a non-empty name.')
}

/** Throws `GroupConflictError` when a new member asks for something else than the founder did. */
export function checkMember(
  group: QueueGroup,
  name: string,
  pattern: string,
  options: SubscribeOptions,
  settings: MailboxSettings,
): void {
  const option = contradiction(options, group.settings)
  if (option === undefined) return
  const [has, asked] = [group.settings[option], settings[option]]
  throw new GroupConflictError(name, pattern, option, group.founder, has, asked)
}
