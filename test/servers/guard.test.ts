import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { undo } from '../support/undo.ts'

const child = fileURLToPath(new URL('children/start-nats.ts', import.meta.url))

it.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
  'a test process that ends by %s leaves neither server nor files behind',
  async (signal) => {
    const { process, folder, port } = await startChild()
    expect(await answers(port)).toBe(true)
    expect(existsSync(folder)).toBe(true)
    process.kill(signal)
    await eventually(async () => !(await answers(port)) && !existsSync(folder))
  },
)

async function startChild(): Promise<{
  process: ReturnType<typeof spawn>
  folder: string
  port: number
}> {
  const started = spawn(process.execPath, ['--import', 'tsx', child], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  undo.push(() => void started.kill('SIGKILL'))
  for await (const line of createInterface(started.stdout)) return { process: started, ...JSON.parse(line) }
  throw new Error('the child ended without a word')
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', () => resolve(false))
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
