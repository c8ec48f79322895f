import { writeFileSync } from 'node:fs'

/**
 * Counts what a vitest run did and writes it to the file named by SPILLWAY_TEST_SUMMARY. The file is written in the
 * last moment: a run that crashes before leaves none. Whatever fails outside of a test (a file that cannot be
 * loaded, a hook, an unhandled rejection) counts as one failure, so that it cannot hide behind passing tests.
 */
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.SPILLWAY_TEST_SUMMARY
    if (file === undefined) return
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()])
    const inState = (state) => tests.filter((test) => test.result().state === state)
    const brokenSuites = suites.filter((suite) => suite.errors().length > 0)
    const unfinished = inState('pending').length // a run that was cut short
    const skipped = inState('skipped').map((test) => `${test.module.relativeModuleId}: ${test.fullName}`)
    const summary = {
      passed: inState('passed').length,
      failed: inState('failed').length + unfinished + brokenSuites.length + unhandledErrors.length,
      skipped,
    }
    writeFileSync(file, JSON.stringify(summary))
  }
}
