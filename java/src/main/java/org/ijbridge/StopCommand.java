package org.ijbridge;

import ij.IJ;
import java.util.Collections;

/** Stop IJBridge Worker: gives back the memory of all models; the next run starts a worker anew. */
final class StopCommand {

	private StopCommand() {}

	static void run() throws BridgeException {
		if (InProcess.handler() != null) {
			try (InferenceClient client = InferenceClient.find()) {
				client.ask("release", Collections.emptyMap(), Feedback.SILENT);
			}
			IJ.showStatus("IJBridge: the models' memory is given back");
			return;
		}
		final WorkerHandle worker = WorkerHandle.kept();
		if (worker == null || !worker.isAlive()) {
			IJ.showStatus("IJBridge: no worker runs");
			return;
		}
		worker.stop();
		IJ.showStatus("IJBridge: the worker is stopped");
	}
}
