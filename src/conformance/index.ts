/** The suite that every broker has to pass, for whoever writes one. */
export { certify } from './certify.ts'
export { conformance } from './conformance.ts'
export type {
  CapabilityCard,
  Declared,
  FaultLink,
  Mode,
  OpenOptions,
  Pace,
  Scenario,
  ScenarioResult,
  ServerControl,
  Transport,
  Verdict,
} from './contract.ts'
export { describeConformance, type Runner } from './describe.ts'
export { ConformanceError } from './errors.ts'
export { FaultProxy, type ProxyBytes, type ProxyTarget } from './fault-proxy.ts'
