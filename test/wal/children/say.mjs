import { writeSync } from 'node:fs'

/** Writes a line to standard output and returns when the reader can have it: a pipe that is full is waited for. */
export function say(...words) {
  const line = `${words.join(' ')}\n`
  for (let done = 0; done < line.length;) {
    try {
      done += writeSync(1, line.slice(done))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}
