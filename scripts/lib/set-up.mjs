import { buildIfNeeded } from './build.mjs'
import { installIfNeeded } from './install.mjs'

/** Takes a checkout from whatever state it is in to installed and built. Costs little when there is nothing to do. */
export function setUp() {
  installIfNeeded()
  buildIfNeeded()
}
