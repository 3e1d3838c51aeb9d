import { defineSchema, oneOf, text, truth } from '@man/config';

/** What is kept of a run besides events, weights and report, and how it is shown while it runs. */
export const trackSchema = defineSchema({
  progress: {
    doc: 'How a run is shown: auto redraws a line on a terminal and writes plain ones elsewhere; json an object per line.',
    default: 'auto',
    format: oneOf('auto', 'line', 'plain', 'json', 'quiet'),
  },
  csv: {
    doc: 'Tables for spreadsheets, R and pandas: epochs.csv, steps.csv, or both.',
    default: 'none',
    format: oneOf('none', 'epochs', 'steps', 'both'),
  },
  tensorboard: { doc: 'Whether event files for TensorBoard are written.', default: false, format: truth },
  mlflow: {
    url: { doc: 'Address of an MLflow tracking server, such as http://localhost:5000.', default: null, format: text, nullable: true },
    experiment: { doc: 'Experiment of MLflow that the run belongs to.', default: 'MAN', format: text },
  },
});
