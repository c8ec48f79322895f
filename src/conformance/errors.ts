import { SpillwayError } from '../core/errors.ts'

/** A broker under test did not do in time what it declares, or did what it must not. */
export class ConformanceError extends SpillwayError {
  override readonly name = 'ConformanceError'
  override readonly code = 'SPW_CONFORMANCE'

  constructor(what: string, options?: { readonly cause?: unknown }) {
    super(`The broker does not conform: ${what}.`, options)
  }
}
