import type { Script } from '../script.ts'
import { basics } from './basics.ts'
import { consuming } from './consuming.ts'
import { endings } from './endings.ts'
import { groups } from './groups.ts'
import { patterns } from './patterns.ts'

/** Every scenario of the kit, from what everything else rests on to what goes wrong outside. */
export const scripts: readonly Script[] = [...basics, ...consuming, ...patterns, ...groups, ...endings]
