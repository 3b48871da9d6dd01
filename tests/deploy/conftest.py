from tests.http.conftest import shared_store as shared_store
