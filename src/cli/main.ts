#!/usr/bin/env node
import process from 'node:process'
import { run } from './run.ts'

// Whoever reads us has seen enough: `spillway demo | head -1` is a success.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}

void run(process.argv.slice(2)).then((code) => {
  process.exitCode = code // and the event loop ends by itself, when everything is written
})
