const numbers = 4

/**
 * How far a writer has come in its segment. The numbers may stand in shared memory: two writers of one segment, in two
 * threads of which one writes at a time, then go on where the other has stopped.
 */
export class WriterPlace {
  static readonly bytes: number = numbers * Float64Array.BYTES_PER_ELEMENT
  readonly #numbers: Float64Array

  constructor(memory: ArrayBufferLike = new ArrayBuffer(WriterPlace.bytes)) {
    this.#numbers = new Float64Array(memory, 0, numbers)
  }

  /** Begins where everything before is durable. */
  begin(position: number, previousCrc: number): void {
    this.#numbers.set([position, previousCrc, position, position])
  }

  /** Behind the last batch written. */
  get position(): number {
    return this.#at(0)
  }
  set position(to: number) {
    this.#numbers[0] = to
  }

  /** The checksum of the last batch header written. */
  get previousCrc(): number {
    return this.#at(1)
  }
  set previousCrc(to: number) {
    this.#numbers[1] = to
  }

  /** Everything before it is on disk for good. */
  get durable(): number {
    return this.#at(2)
  }
  set durable(to: number) {
    this.#numbers[2] = to
  }

  /** Zeros reach from the last batch to here; not behind that batch when there are none. */
  get zeroedTo(): number {
    return this.#at(3)
  }
  set zeroedTo(to: number) {
    this.#numbers[3] = to
  }

  #at(index: number): number {
    return this.#numbers[index] ?? 0
  }
}
