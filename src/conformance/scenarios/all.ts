import type { Script } from '../script.ts'
import { acks } from './acks.ts'
import { basics } from './basics.ts'
import { blocking } from './blocking.ts'
import { clients } from './clients.ts'
import { consuming } from './consuming.ts'
import { durable } from './durable.ts'
import { endings } from './endings.ts'
import { faults } from './faults.ts'
import { groups } from './groups.ts'
import { keyOrder } from './key-order.ts'
import { overload } from './overload.ts'
import { patterns } from './patterns.ts'
import { payloads } from './payloads.ts'
import { reentrancy } from './reentrancy.ts'
import { refusals } from './refusals.ts'
import { replay } from './replay.ts'

/** Every scenario of the kit, from what everything else rests on to what goes wrong outside. */
export const scripts: readonly Script[] = [
  ...basics,
  ...payloads,
  ...consuming,
  ...patterns,
  ...refusals,
  ...overload,
  ...blocking,
  ...groups,
  ...acks,
  ...keyOrder,
  ...reentrancy,
  ...endings,
  ...replay,
  ...durable,
  ...clients,
  ...faults,
]
