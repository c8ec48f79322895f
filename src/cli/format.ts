import type { PublisherOutcome } from '../predict/index.ts'

const grouped = new Intl.NumberFormat('en-US')

/** `43976` → `43,976`. */
export function count(value: number): string {
  return grouped.format(value)
}

/** `0.205` → `205 ms`, `2.05` → `2.05 s`; undefined → `–`. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  if (seconds === 0) return '0 s'
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 100) return `${Number(seconds.toPrecision(3))} s`
  return `${count(Math.round(seconds))} s`
}

/** `0.8824` → `88 %`. */
export function share(ratio: number): string {
  const percent = ratio * 100
  if (percent > 0 && percent < 1) return '< 1 %'
  if (percent > 99 && percent < 100) return '> 99 %'
  return `${Math.round(percent)} %`
}

/** How it went for the publisher, in a few words. `cutOff` is when `disconnect` ended its only subscription. */
export function publisher(outcome: PublisherOutcome, cutOff: number | undefined): string {
  if (cutOff !== undefined) return `ended at ${duration(cutOff)}`
  if (outcome.rejected > 0) return `${count(outcome.rejected)} refused`
  return outcome.waitingShare > 0 ? `waits ${share(outcome.waitingShare)}` : 'never waits'
}

/** How far a measurement is from a prediction: `0`, `+3`, `−12`. */
export function difference(measured: number, predicted: number): string {
  const by = measured - predicted
  if (by === 0) return '0'
  return `${by > 0 ? '+' : '−'}${count(Math.abs(by))}`
}

const bars = '▁▂▃▄▅▆▇█'

/** Ratios from 0 to 1 → one character each, the last `width` of them. */
export function sparkline(ratios: readonly number[], width: number): string {
  const shown = ratios.slice(-width)
  return shown.map((ratio) => bars[Math.min(7, Math.max(0, Math.round(ratio * 7)))] ?? '▁').join('')
}

/** `1536` → `1.5 KiB`. */
export function byteCount(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let [value, unit] = [bytes, 0]
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`
}
