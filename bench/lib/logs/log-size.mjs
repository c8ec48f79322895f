// How large the logs are that are read: small by default, 1 GB with --full. In the environment, because the
// cases are child processes.

if (process.argv.includes('--full')) process.env['SPILLWAY_BENCH_LOG_MB'] = '1000'

const megabytes = Number(process.env['SPILLWAY_BENCH_LOG_MB'] ?? 64)

export const logName = megabytes >= 1000 ? `${megabytes / 1000} GB` : `${megabytes} MB`

export function recordsOf(size) {
  return Math.floor((megabytes * 1e6) / size)
}
