/** What takes longer is worth a thread of its own; what does not takes less time than telling that thread. */
const slowMs = 0.5
/** So many quick ones must have followed each other. */
const enough = 8
/** After a slow one the commit thread gets them for so many times as long as it took. */
const patience = 10

/**
 * Decides where lone jobs are done, those that one publisher waits for and nothing else. Telling the commit thread and
 * being told takes about as long as a fast disk takes to sync, so on such a disk they are done where they are asked
 * for. Slow ones keep that thread from its other work for at most a tenth of the time, whatever the disk does.
 */
export class LoneJobs {
  #quick = 0
  #notBefore = 0

  /** A lone job is to be done here. */
  here(nowMs: number): boolean {
    return this.#quick >= enough && nowMs >= this.#notBefore
  }

  /** One was done, here or there. */
  took(ms: number, nowMs: number): void {
    if (ms <= slowMs) {
      this.#quick++
      return
    }
    this.#quick = 0
    this.#notBefore = nowMs + ms * patience
  }

  /** There was a job that was not lone. */
  broken(): void {
    this.#quick = 0
  }
}
