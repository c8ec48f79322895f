const digits = 20

/** The file that holds records from `baseSeq` on. */
export function segmentName(baseSeq: number): string {
  return `${String(baseSeq).padStart(digits, '0')}.seg`
}

/** The first sequence number of a segment file, or undefined for any other name. */
export function baseSeqOf(name: string): number | undefined {
  return /^\d{20}\.seg$/.test(name) ? Number(name.slice(0, digits)) : undefined
}

/** The next segment while it is being made. */
export const nextName = 'next.tmp'
/** A segment while it is being rewritten. */
export const compactName = 'compact.tmp'
export const manifestName = 'MANIFEST'
export const manifestTemporaryName = 'MANIFEST.tmp'
