"""LitServe's own shape for a batched model: `python litserve_app.py model.joblib PORT`."""

import sys

import joblib
import litserve


class Iris(litserve.LitAPI):
    """Decode a row, predict a batch of rows, encode a class."""

    def setup(self, device):
        self.model = joblib.load(sys.argv[1])

    def decode_request(self, request):
        return request["input"]

    def predict(self, rows):
        return self.model.predict(rows).tolist()

    def encode_response(self, output):
        return {"output": output}


if __name__ == "__main__":
    api = Iris(max_batch_size=64, batch_timeout=0.0)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        generate_client_file=False,
    )
