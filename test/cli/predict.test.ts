import { beforeAll, describe, expect, it } from 'vitest'
import { predict } from '../../src/predict/index.ts'
import { buildProgram, spillway } from './program.ts'

beforeAll(buildProgram)

const question = ['predict', '--pub', '1000', '--sub', '100', '--capacity', '16', '--for', '5s']

describe.concurrent('spillway predict', () => {
  it('prints numbers and formulas', async () => {
    const { exitCode, stdout } = await spillway([...question, '--policy', 'drop-oldest'])

    expect(exitCode).toBe(0)
    expect(stdout).toBe(`\
drop-oldest · λ = 1,000/s, μ = 100/s, B = 16, T = 5 s

                             PREDICTED  FORMULA
  published                      5,000  λT
  delivered                        500  μT
  dropped: evicted-oldest        4,484  (λ−μ)T − B
  pending                           16  B
  age                            16 ms  B/λ
  full after                     18 ms  B/(λ−μ)
  publisher                never waits
`)
  })

  it('simulates as well, and shows the difference', async () => {
    const { exitCode, stdout } = await spillway([...question, '--policy', 'block', '--run'])

    expect(exitCode).toBe(0)
    expect(stdout).toBe(`\
block · λ = 1,000/s, μ = 100/s, B = 16, T = 5 s

               PREDICTED   SIMULATED  Δ  FORMULA
  published          516         516  0  μT + B + waiting
  delivered          500         500  0  μT
  dropped              0           0  0  none
  pending             16          16  0  B
  waiting              0           0  0
  age             169 ms      169 ms     (B+1)/μ − 1/λ
  full after       18 ms       18 ms     B/(λ−μ)
  publisher   waits 90 %  waits 90 %     1−μ/λ of the time, once full
`)
  })

  it('gives the same to programs', async () => {
    const { stdout } = await spillway([
      ...question,
      '--policy',
      'latest',
      '--keys',
      '4',
      '--members',
      '2',
      '--json',
    ])

    const setting = { publishPerSecond: 1000, drainPerSecond: 100, seconds: 5, capacity: 16, members: 2 }
    const expected = predict({ ...setting, overflow: 'latest', keys: 4 })
    expect(JSON.parse(stdout)).toMatchObject({ command: 'predict', predicted: expected, simulated: null })
  })

  it('refuses to simulate for ever', async () => {
    const args = ['predict', '--pub', '1000000', '--sub', '1', '--for', '1h', '--run']

    const { exitCode, stderr } = await spillway(args)

    expect(exitCode).toBe(2)
    expect(stderr).toBe(
      'spillway: That is more than 10,000,000 events to simulate. Lower --for or the rates.\n',
    )
  })
})
