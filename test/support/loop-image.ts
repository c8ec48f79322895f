import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { mustRun, runCommand } from './command.ts'

/** A file system of its own in a file, which can be unplugged. */
export class LoopImage {
  readonly #folder: string
  readonly #image: string
  /** Where it is mounted. */
  readonly path: string
  #device: string | undefined
  #mounted = false

  private constructor(folder: string) {
    this.#folder = folder
    this.#image = `${folder}/disk.img`
    this.path = `${folder}/disk`
  }

  /** An empty ext4 file system, not mounted. */
  static async make(mebibytes: number): Promise<LoopImage> {
    const image = new LoopImage(mkdtempSync(`${tmpdir()}/spillway-disk-`))
    mkdirSync(image.path)
    writeFileSync(image.#image, '')
    truncateSync(image.#image, mebibytes * 1024 * 1024)
    try {
      await image.#run('mkfs.ext4', '-q', '-F', image.#image)
    } catch (error) {
      image.#forget()
      throw error
    }
    return image
  }

  /** Mounts it, which replays its journal. `data` says how the file system orders data and journal. */
  async mount(data: 'ordered' | 'writeback'): Promise<void> {
    this.#device = (await this.#run('losetup', '--find', '--show', this.#image)).trim()
    await this.#run('mount', '-t', 'ext4', '-o', `data=${data}`, this.#device, this.path)
    this.#mounted = true
  }

  /** What the disk would hold if its power failed now. Nobody may be writing to the mounted files. */
  contents(): Buffer {
    // The system may be writing on its own: two equal readings mean that it looked like this in between.
    let before = readFileSync(this.#image)
    for (let tries = 0; tries < 50; tries++) {
      const after = readFileSync(this.#image)
      if (before.equals(after)) return after
      before = after
    }
    throw new Error('the image does not come to rest')
  }

  /** Puts it back to what `contents` returned; it must not be mounted. */
  replace(contents: Buffer): void {
    if (this.#device !== undefined) throw new Error('the image is in use')
    writeFileSync(this.#image, contents)
  }

  async unmount(): Promise<void> {
    if (this.#mounted) await this.#unmountSoon()
    this.#mounted = false
    if (this.#device !== undefined) await this.#run('losetup', '--detach', this.#device)
    this.#device = undefined
  }

  /** The kernel may be busy with the files of a process that has just ended. */
  async #unmountSoon(): Promise<void> {
    for (const end = Date.now() + 10_000; ;) {
      const { exitCode, stderr } = await runCommand('umount', [this.path], this.#folder)
      if (exitCode === 0) return
      if (Date.now() > end) throw new Error(`umount ${this.path} ended with exit code ${exitCode}\n${stderr}`)
    }
  }

  /** Leaves nothing behind. */
  async remove(): Promise<void> {
    await this.unmount()
    this.#forget()
  }

  #forget(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #run(command: string, ...args: string[]): Promise<string> {
    return mustRun(command, args, this.#folder)
  }
}

/** Why images cannot be mounted here, or undefined when they can. */
export async function whyNoImages(): Promise<string | undefined> {
  let image: LoopImage | undefined
  try {
    image = await LoopImage.make(8)
    await image.mount('ordered')
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error)
  } finally {
    await image?.remove()
  }
}
